-- One ticket in all its forms, each in turn: their addresses are what is given.
local number, forms = 0, {}

init = function(given)
  for place, form in ipairs(given) do
    forms[place] = wrk.format("GET", form)
  end
end

request = function()
  number = number % #forms + 1
  return forms[number]
end
