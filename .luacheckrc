std = "lua54"
max_line_length = 80
files["tests"] = { std = "lua54+busted" }
files["labs"] = { max_line_length = 80 }
-- The reference is declarations only.
files["lua/meta"] = { ignore = { "212", "241" } }
