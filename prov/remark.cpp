#include "prov/remark.hpp"

namespace alisio::prov {
namespace {

constexpr std::string_view part_word = "part ";

}  // namespace

std::string remark_of_part(std::string_view part) {
  return std::string(part_word).append(part);
}

std::string part_in(std::string_view remark) {
  return remark.starts_with(part_word) ? std::string(remark.substr(part_word.size()))
                                       : std::string();
}

}  // namespace alisio::prov
