"""Laws that need torch code of ours. Imported only when a device is asked for its law."""
