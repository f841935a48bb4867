std = "lua54"
max_line_length = 80
exclude_files = { "lua/net/trace/assets.lua" } -- made by make
files["tests"] = { std = "lua54+busted" }
files["labs"] = { max_line_length = 80 }
-- The reference is declarations only.
files["lua/meta"] = { ignore = { "212", "241" } }
