"""What the insight floor makes and keeps."""
