# Write OUTPUT, C++ that holds the texts of STYLE and SCRIPT.
file(READ ${STYLE} style)
file(READ ${SCRIPT} script)
file(WRITE ${OUTPUT} "#include \"lib/web/assets.hpp\"

namespace alisio::web {
std::string_view page_style() { return R\"~~~~(${style})~~~~\"; }
std::string_view page_script() { return R\"~~~~(${script})~~~~\"; }
}  // namespace alisio::web
")
