#pragma once
#include <map>
#include <string>

namespace alisio {

/// SHA-256 of the rows of tables as they lie in a file, by the paths of the tables in it.
using RowDigests = std::map<std::string, std::string>;

}  // namespace alisio
