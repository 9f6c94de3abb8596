"""How fast it is: networks of any size, the machine's own limits in the same run, bytes by the layout, start-up, and what got slower.

`ladder` measures, `report` says it in words, `guard` compares with what was recorded; `smbsim bench` is the command. Only ratios of things
that took turns in one process are judged, never seconds.
"""
