#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "prov/store/connection.hpp"

namespace alisio::prov {

/// Make tables, indexes and views in an empty database; nothing if they are there.
void make_schema(Store::Connection& connection);

/// Read what is new in journals into the tables, within the transaction that is open. What the
/// index holds afterwards depends on the lines only, not on their order or on how many calls
/// brought them.
/// @param fresh the tables are empty and have no indexes yet: these are made at the end.
IndexReport index_journals(Store::Connection& connection, bool fresh,
                           const std::vector<std::filesystem::path>& sources,
                           const Definition& definition, const LoggerConfiguration& logger);

/// Return whether a journal is new or has changed since it was read.
[[nodiscard]] bool has_news(Store::Connection& connection,
                            const std::vector<std::filesystem::path>& sources,
                            const LoggerConfiguration& logger, std::int64_t& unchanged);

}  // namespace alisio::prov
