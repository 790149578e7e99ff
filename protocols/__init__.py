"""What Filecoin is: data, encodings, rules, proofs, as pure functions and frozen dataclasses."""
