"""The storage market actor: balances in escrow, and deals from publication to their last payment."""
