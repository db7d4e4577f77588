# Writes the file IN as the C array `web_page` to OUT: cmake -DIN=… -DOUT=… -P embed.cmake
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "#include \"streamer/web_page.h\"

const unsigned char web_page[] = {
${bytes}
};
const size_t web_page_size = sizeof web_page;
")
