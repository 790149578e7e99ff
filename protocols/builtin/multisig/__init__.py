"""The multisig actor: a wallet whose transactions need the approval of several signers."""
