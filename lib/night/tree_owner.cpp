#include "lib/night/tree_owner.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/log.hpp"
#include "lib/base/observer.hpp"
#include "lib/night/process.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr const char* owner_name = ".alisio-state";
constexpr const char* id_name = "id";

/// Who works on a tree.
struct Owner {
  std::string id, host, folder;
  std::string products;  ///< the tree, as it was named then; empty: not known
  bool operator==(const Owner&) const = default;
};

/// Return what identifies a state, however it is reached; empty: it has nothing of that kind.
std::string id_of(const fs::path& state_folder) {
  std::error_code absent;
  const fs::path file = state_folder / id_name;
  return fs::is_regular_file(file, absent) ? read_text_file(file) : std::string();
}

/// Return a text of a document; empty if it holds none of that name.
std::string text_in(const json& content, const char* name) {
  if (!content.is_object() || !content.contains(name) || !content.at(name).is_string()) return {};
  return content.at(name);
}

/// @throws Error(bad_input) if the mark of the tree is damaged.
std::optional<Owner> owner_of(const fs::path& products) {
  std::error_code absent;
  const fs::path file = products / owner_name;
  if (!fs::is_regular_file(file, absent)) return std::nullopt;
  const json content = json::parse(read_text_file(file), nullptr, false);
  const Owner owner{text_in(content, "id"), text_in(content, "host"), text_in(content, "state"),
                    text_in(content, "products")};
  if (owner.id.empty() || owner.host.empty() || owner.folder.empty())
    throw Error(ErrorKind::bad_input,
                "is damaged: it does not tell which state these products are of", file.string(),
                "if no other state works on them, remove it");
  return owner;
}

bool is_same_folder(const std::string& left, const std::string& right) {
  std::error_code absent;
  return left == right || fs::equivalent(left, right, absent);
}

bool may_take_over(const Owner& owner, const Owner& us) {
  const bool owner_lives = owner.host != us.host || id_of(owner.folder) == owner.id;
  if (is_same_folder(owner.folder, us.folder)) return true;
  if (owner.id != us.id) return !owner_lives;
  // One is a copy of the other, or the same by another way. A copy goes with a copied tree; on the
  // very tree of its original it would be a second.
  return owner.host != us.host || !owner_lives || owner.products.empty() ||
         !is_same_folder(owner.products, us.products);
}

Owner owner_with(const fs::path& state_folder, const fs::path& products) {
  return {id_of(state_folder), host_name(), fs::weakly_canonical(state_folder).string(),
          fs::weakly_canonical(products).string()};
}

void refuse_another(const Owner& owner, const Owner& us, const fs::path& products) {
  if (owner == us || may_take_over(owner, us)) return;
  throw Error(ErrorKind::usage,
              "these products are another state's: " + owner.folder + " on " + owner.host,
              products.string(),
              "give this state its own paths.products, or name that one in paths.state; if it is "
              "given up, remove " +
                  (products / owner_name).string());
}

}  // namespace

void require_own_products(const fs::path& products, const fs::path& state_folder) {
  if (const std::optional<Owner> owner = owner_of(products))
    refuse_another(*owner, owner_with(state_folder, products), products);
}

std::optional<OwnedTree> tree_around(const fs::path& file) {
  // As it is written, too: a level of the tree may be a link to another disk.
  for (const fs::path& place : {fs::weakly_canonical(file), fs::absolute(file).lexically_normal()})
    for (fs::path folder = place.parent_path();; folder = folder.parent_path()) {
      if (const std::optional<Owner> owner = owner_of(folder))
        return id_of(owner->folder) == owner->id
                   ? std::optional(OwnedTree{.products = folder, .state = owner->folder})
                   : std::nullopt;
      if (folder == folder.parent_path()) break;
    }
  return std::nullopt;
}

void claim_products(const fs::path& products, const fs::path& state_folder) {
  try {
    if (id_of(state_folder).empty()) {
      write_file_atomically(state_folder / id_name, new_uuid7());
    }
    const Owner us = owner_with(state_folder, products);
    const std::optional<Owner> owner = owner_of(products);
    if (owner == us) return;
    if (owner) refuse_another(*owner, us, products);
    std::error_code problem;
    fs::create_directories(products, problem);
    const json content{
        {"id", us.id}, {"host", us.host}, {"state", us.folder}, {"products", us.products}};
    write_file_atomically(products / owner_name, json_text(content) + '\n');
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::resource) throw;
    // A tree that cannot be written is its jobs' trouble.
    spdlog::warn("the products are not marked as this state's: {}", error.what());
  }
}

}  // namespace alisio::night
