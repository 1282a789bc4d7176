"""The one kind of error that is the caller's to mend."""


class UserError(Exception):
    """Something the user can put right. Its text says what is wrong and what to do."""
