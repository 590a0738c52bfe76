"""Template tags of hotchannel."""
