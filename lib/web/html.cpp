#include "lib/web/html.hpp"

#include <fmt/format.h>

#include <cctype>

namespace alisio::web {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:1200px;padding:0 1rem 3rem}
header{border-bottom:1px solid #8884;display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:center;padding:.6rem 0}
header a{font-weight:600;text-decoration:none}
header form{margin-left:auto;display:flex;gap:.3rem;flex:1 1 16rem;max-width:32rem}
input{font:inherit;flex:1;min-width:0;padding:.25rem .5rem}button{font:inherit;padding:.25rem .8rem}
h1{font-size:1.4rem;margin:1rem 0 .3rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:1.6rem 0 .3rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0}
dt{color:#777}dd{margin:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8883;vertical-align:top;overflow-wrap:break-word}
th{color:#777;font-weight:500}td.n{text-align:right;font-variant-numeric:tabular-nums}
code,.mono{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
.bad{color:#b00020;font-weight:600}.good{color:#1b7f3b}.quiet{color:#777}
figure{margin:.5rem 0;overflow-x:auto;background:#fff;border:1px solid #8883;border-radius:4px;padding:.4rem}
figure svg{max-width:none}details{margin:.3rem 0}summary{cursor:pointer}
@media(max-width:600px){dl{grid-template-columns:1fr}dt{margin-top:.4rem}}
@media print{header form{display:none}body{max-width:none}figure svg{max-width:100%;height:auto}}
)";

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  return result;
}

std::string url_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~')
      result += c;
    else
      result += fmt::format("%{:02X}", byte);
  }
  return result;
}

std::string link(const std::string& path, std::string_view text) {
  return fmt::format("<a href=\"{}\">{}</a>", escaped(path), escaped(text));
}

std::string page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>{0} – Alisio</title><link rel=\"icon\" href=\"data:,\"><style>{1}</style></head>\n"
      "<body><header><a href=\"/\">Alisio provenance</a>"
      "<form action=\"/find\"><input name=\"q\" type=\"search\" "
      "placeholder=\"file, hash, id or run\" aria-label=\"file, hash, id or run\">"
      "<button>Find</button></form></header>\n<main><h1>{0}</h1>\n{2}\n</main></body></html>\n",
      escaped(title), kStyle, body);
}

}  // namespace alisio::web
