-- Adds 1 to a figure in the books of a day. KEYS: the day. ARGV: site, figure, life ms.
tally(KEYS[1], ARGV[1], ARGV[2], 1, ARGV[3])
return 1
