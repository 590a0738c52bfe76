"""`python -m hotchannel`: the same as the command `hotchannel`."""

from hotchannel.cli import main

main(prog_name="hotchannel")
