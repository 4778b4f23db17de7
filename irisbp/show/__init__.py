"""What people look at: lines, tables and the live view."""
