"""The Node: the plan of a Filecoin node, and its settings."""
