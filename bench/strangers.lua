-- Every request is somebody else's: as a browser sends it, and no two alike.
local number = 0
wrk.headers["Accept"] = "*/*"
wrk.headers["Accept-Language"] = "en-GB,en;q=0.9"
wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
wrk.headers["Referer"] = "https://blog.example/"
wrk.headers["Sec-Fetch-Mode"] = "cors"
wrk.headers["Sec-Fetch-Site"] = "cross-site"
wrk.headers["Origin"] = "https://blog.example"

request = function()
  number = number + 1
  wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0 " .. number
  return wrk.format("GET")
end
