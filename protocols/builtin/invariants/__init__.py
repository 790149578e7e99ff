"""What holds of every state that the builtin actors can come to, whatever messages they get."""
