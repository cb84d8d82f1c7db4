"""`python -m analogsim` is the command `analogsim`."""

from analogsim.cli.start import main

if __name__ == "__main__":
    main()
