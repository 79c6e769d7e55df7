#include "lib/web/html.hpp"

#include <fmt/format.h>

#include <cctype>

#include "lib/base/hash.hpp"
#include "lib/base/markup.hpp"
#include "lib/web/assets.hpp"

namespace alisio::web {
namespace {

/// Return the bytes that a text of hexadecimal digits tells, in base64.
std::string base64_of_hex(const std::string& digits) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  unsigned bits = 0;
  int held = 0;
  for (const char digit : digits) {
    bits = bits << 4U | static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    held += 4;
    if (held < 6) continue;
    held -= 6;
    text += alphabet[(bits >> static_cast<unsigned>(held)) & 63U];
  }
  if (held > 0) text += alphabet[(bits << static_cast<unsigned>(6 - held)) & 63U];
  while (text.size() % 4 != 0) text += '=';
  return text;
}

}  // namespace

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
  return fmt::format("<a href=\"{}\">{}</a>", markup_escaped(path), markup_escaped(text));
}

std::string table(const std::vector<std::string>& heads, const std::string& rows) {
  std::string text = "<div class=\"scroll\"><table><thead><tr>";
  for (const std::string& head : heads) text += "<th>" + markup_escaped(head) + "</th>";
  return text + "</tr></thead><tbody>\n" + rows + "</tbody></table></div>\n";
}

std::string page(const std::string& title, const std::string& body, std::string_view script) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>{0} – Alisio</title><link rel=\"icon\" href=\"data:,\"><style>{1}</style></head>\n"
      "<body><a class=\"skip\" href=\"#main\">to the content</a>"
      "<header><nav aria-label=\"pages\"><a href=\"/\">Alisio nights</a> "
      "<a href=\"/provenance\">provenance</a></nav>"
      "<form action=\"/find\" role=\"search\"><input name=\"q\" type=\"search\" "
      "placeholder=\"file, hash, id or run\" aria-label=\"file, hash, id or run\">"
      "<button>Find</button></form></header>\n<main id=\"main\"><h1>{0}</h1>\n{2}\n</main>{3}"
      "</body></html>\n",
      markup_escaped(title), page_style(), body,
      script.empty() ? "" : fmt::format("<script>{}</script>", script));
}

std::string script_policy(std::string_view script) {
  return fmt::format(
      "default-src 'none'; script-src 'sha256-{}'; connect-src 'self'; style-src 'unsafe-inline'; "
      "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      base64_of_hex(hash_text(script)));
}

}  // namespace alisio::web
