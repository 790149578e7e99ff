"""The reward actor: what blocks are paid, and how much each epoch mints."""
