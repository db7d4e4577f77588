# Makes the page of its parts, as the C array `web_page` in OUT, with an entity tag and with the headers that let a browser
# run just this style and this script: cmake -DFOLDER=… -DOUT=… -P embed.cmake
set(scripts base message now shares filters feed certificate logs connect page)

# The base64 of bytes in hex, three at a time.
function(encode_base64 out hex)
  set(alphabet ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  string(LENGTH ${hex} size)
  set(text "")
  set(at 0)
  while(at LESS size)
    string(SUBSTRING "${hex}0000" ${at} 6 group)
    math(EXPR value "0x${group}")
    foreach(shift 18 12 6 0)
      math(EXPR digit "(${value} >> ${shift}) & 63")
      string(SUBSTRING ${alphabet} ${digit} 1 character)
      string(APPEND text ${character})
    endforeach()
    math(EXPR at "${at} + 6")
  endwhile()
  math(EXPR missing "(${at} - ${size}) / 2")
  string(LENGTH ${text} length)
  math(EXPR kept "${length} - ${missing}")
  string(SUBSTRING ${text} 0 ${kept} text)
  string(REPEAT = ${missing} padding)
  set(${out} ${text}${padding} PARENT_SCOPE)
endfunction()

function(source_of out text)
  string(SHA256 digest "${text}")
  encode_base64(base64 ${digest})
  set(${out} "'sha256-${base64}'" PARENT_SCOPE)
endfunction()

file(READ ${FOLDER}/page.css style)
set(script "")
foreach(name ${scripts})
  file(READ ${FOLDER}/${name}.js part)
  string(APPEND script "${part}")
endforeach()
source_of(style_source "${style}")
source_of(script_source "${script}")

file(READ ${FOLDER}/index.html page)
string(REPLACE "@STYLE@" "${style}" page "${page}")
string(REPLACE "@SCRIPT@" "${script}" page "${page}")
string(SHA256 digest "${page}")
string(SUBSTRING ${digest} 0 16 tag)
file(WRITE ${OUT}.html "${page}")
file(READ ${OUT}.html bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")

file(WRITE ${OUT} "#include \"streamer/http/web_page.h\"

const unsigned char web_page[] = {
${bytes}
};
const size_t web_page_size = sizeof web_page;
const char web_page_tag[] = \"\\\"${tag}\\\"\";
const char web_page_headers[] =
    \"content-security-policy: default-src 'none'; style-src ${style_source}; \"
    \"script-src ${script_source}; img-src data:; connect-src 'self'; \"
    \"base-uri 'none'; form-action 'none'; frame-ancestors 'none'\\r\\n\"
    \"x-content-type-options: nosniff\\r\\n\";
")
