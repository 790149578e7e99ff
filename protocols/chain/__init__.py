"""The chain's data: messages, receipts, block headers, tipsets, and the base fee."""
