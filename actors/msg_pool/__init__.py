"""What the message pool works with: the messages that wait, the choice of a block's messages, and gas estimates."""
