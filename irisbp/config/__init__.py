"""What a YAML file may say, and the strict reader that says where it does not."""
