"""A stand-in for WorkBuddy Voice, written from the protocol facts alone."""
