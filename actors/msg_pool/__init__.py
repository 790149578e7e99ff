"""What the message pool works with: the messages that wait, why they do, and gas estimates."""
