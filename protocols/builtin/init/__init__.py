"""The init actor: gives every new actor its id address."""
