"""The storage power actor: which miner has how much power, and whom cron calls."""
