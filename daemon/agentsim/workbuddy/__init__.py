"""A stand-in for WorkBuddy Voice, written from its documentation alone."""
