"""What a state says, asked from outside of any message: functions over a store and a state that change nothing."""
