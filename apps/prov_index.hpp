#pragma once
#include <boost/program_options.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/commands.hpp"
#include "lib/base/ids.hpp"
#include "lib/config/configuration.hpp"
#include "prov/store/store.hpp"

/// Where the questions to the provenance find its index.
namespace alisio::apps {

/// Return the options that all questions share: --config, --index and --journals.
[[nodiscard]] boost::program_options::options_description index_options();

/// Return the configuration that --config names, or the defaults.
[[nodiscard]] config::Configuration configuration_of(
    const boost::program_options::variables_map& values);

/// Return where the index is: --index, or as configured, by default
/// <paths.state>/provenance.sqlite.
[[nodiscard]] std::string index_place(const boost::program_options::variables_map& values);

[[nodiscard]] std::string index_place(const config::Configuration& configuration);

/// Open the index for reading. With --journals and without --index, an index of these journals is
/// made in memory. @throws Error(missing_input) if there is none, naming the command that makes it.
[[nodiscard]] prov::Store open_index(const boost::program_options::variables_map& values,
                                     const Program& program);

/// Return where the journals of a data tree are: the folders `log/journal` below the products and
/// the constants, and `provenance.journals`. Where such a folder is gone, the merged journals
/// (`*_prov.log`) that stand in `log` take its place.
/// @param date only of this night, YYYYMMDD; empty: all.
[[nodiscard]] std::vector<std::filesystem::path> find_journals(
    const boost::program_options::variables_map& values, const std::string& date);

[[nodiscard]] std::vector<std::filesystem::path> find_journals(
    const config::Configuration& configuration, const std::string& date);

/// Tell the index, after it has read journals, which data trees were moved
/// (provenance.moved_from).
void move_roots(prov::Store& store, const config::Configuration& configuration);

/// Read what is new in the journals of a night into the index. What goes wrong is a warning.
void index_night(const config::Configuration& configuration, const NightDate& date,
                 const Program& program);

}  // namespace alisio::apps
