"""The node: one room per subsystem, the Node that supervises them, and the kit that tests them."""
