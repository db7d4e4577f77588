# Writes the file IN as the C array `web_page` to OUT, with an entity tag: cmake -DIN=… -DOUT=… -P embed.cmake
file(READ ${IN} bytes HEX)
file(SHA256 ${IN} digest)
string(SUBSTRING ${digest} 0 16 tag)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "#include \"streamer/http/web_page.h\"

const unsigned char web_page[] = {
${bytes}
};
const size_t web_page_size = sizeof web_page;
const char web_page_tag[] = \"\\\"${tag}\\\"\";
")
