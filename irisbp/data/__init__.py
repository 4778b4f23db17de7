"""Tables and what training makes of them: standardized inputs and class indices."""
