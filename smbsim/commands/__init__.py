"""The commands, one file per topic; `options` has what they share, and `smbsim.cli` the order in which `smbsim --help` lists them."""
