"""The one base class of every error that a user can cause and mend."""


class AnalogsimError(Exception):
    """A user's input cannot be used; the message says what, where and what to do."""


class DeviceError(AnalogsimError):
    """A device was asked for something outside what its law covers."""
