"""The payment channel actor: one pays in, the other redeems signed vouchers."""
