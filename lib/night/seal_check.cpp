#include "lib/night/seal_check.hpp"

#include <fmt/format.h>

#include <optional>
#include <ostream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/night/removals.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

class Checker {
 public:
  Checker(const SealCheckRequest& request, SealCheck& check) : request_(request), check_(check) {}

  void check() {
    const std::string text = read_text_file(request_.seal);
    check_.seal = parse_seal(text, request_.seal);
    if (!request_.recorded_sha256.empty() && hash_text(text) != request_.recorded_sha256)
      fault(request_.seal.filename(), "the seal is not the one that was recorded");
    check_signature(text);
    if (request_.chain) {
      check_earlier();
      check_later(text);
    }
    if (!request_.files) return;
    const std::optional<FileStamp> stamp = stamp_of(request_.seal);
    sealed_ns_ = stamp ? stamp->mtime_ns : 0;
    removals_.emplace(check_.seal, request_.root, request_.logger);
    for (const SealedFile& file : check_.seal.products) check_file(file, check_.faults);
    for (const SealedFile& file : check_.seal.documents) check_file(file, check_.faults);
    for (const SealedFile& file : check_.seal.used) check_file(file, check_.changed_inputs);
  }

 private:
  void fault(const fs::path& where, const std::string& problem) {
    check_.faults.push_back({where.string(), problem});
  }

  void check_signature(const std::string& text) {
    const Seal& seal = check_.seal;
    const fs::path file = signature_file(request_.seal);
    if (seal.public_key.empty()) {
      if (!request_.public_key.empty()) fault(request_.seal.filename(), "the seal is not signed");
      return;
    }
    const std::string& key = request_.public_key.empty() ? seal.public_key : request_.public_key;
    check_.signed_with = key_fingerprint(key);
    std::error_code absent;
    if (check_.signed_with != seal.fingerprint)
      fault(request_.seal.filename(),
            fmt::format("signed with another key ({}), not with {}", seal.fingerprint.substr(0, 16),
                        check_.signed_with.substr(0, 16)));
    else if (!fs::exists(file, absent))
      fault(file.filename(), "missing: the signature");
    else if (!is_signature_of(text, read_text_file(file), key))
      fault(file.filename(), "this is not the signature of the seal");
  }

  /// Compare a seal of the chain with what another says of it.
  void check_link(const fs::path& file, const std::string& sha256) {
    std::error_code absent;
    ++check_.chain;
    if (!fs::exists(file, absent))
      fault(file.filename(), "missing: a seal of the chain");
    else if (hash_file(file) != sha256)
      fault(file.filename(), "altered: the seal after it names another content");
  }

  /// Each seal names the one before; numbers go down to 1.
  void check_earlier() {
    std::optional<SealReference> next = check_.seal.previous;
    std::int64_t expected = check_.seal.number - 1;
    const fs::path folder = request_.seal.parent_path();
    while (next) {
      const fs::path file = folder / fs::path(next->file).filename();
      check_link(file, next->sha256);
      std::error_code absent;
      if (next->number != expected || !fs::exists(file, absent)) break;
      next = parse_seal(read_text_file(file), file).previous;
      --expected;
    }
    if (expected != 0 && check_.faults.empty())
      fault(request_.seal.filename(), fmt::format("the chain ends before seal {}", expected));
  }

  void check_later(const std::string& text) {
    for (const fs::path& file : list_seals(request_.seal.parent_path())) {
      if (seal_number(file) != check_.seal.number + 1) continue;
      ++check_.chain;
      const Seal next = parse_seal(read_text_file(file), file);
      if (!next.previous || next.previous->sha256 != hash_text(text))
        fault(request_.seal.filename(),
              fmt::format("altered: the seal after it ({}) names another content",
                          file.filename().string()));
    }
  }

  /// Other productions may have made a shared product anew, with the same data.
  [[nodiscard]] bool has_same_data(const SealedFile& file, const fs::path& path) const {
    return file.shared && request_.hash && !file.hashes.data_hash.empty() &&
           request_.hash(path).data_hash == file.hashes.data_hash;
  }

  void check_file(const SealedFile& file, std::vector<SealFault>& faults) {
    const fs::path root = request_.root.empty() ? check_.seal.root : request_.root;
    const fs::path path = root / file.path;
    const std::optional<FileStamp> stamp = stamp_of(path);
    ++check_.files;
    if (!stamp) {
      if (std::string removal = removals_->text(file); !removal.empty())
        check_.removed.push_back({file.path, std::move(removal)});
      else
        faults.push_back({file.path, "missing"});
      return;
    }
    const bool same_size = stamp->size == file.size;
    if (same_size && !request_.read_all && stamp->mtime_ns <= sealed_ns_) return;
    if (same_size || file.shared) {
      ++check_.read;
      check_.bytes += stamp->size;
      if (hash_file(path) == file.hashes.sha256 || has_same_data(file, path)) return;
    }
    faults.push_back({file.path, "content differs"});
  }

  const SealCheckRequest& request_;
  SealCheck& check_;
  std::int64_t sealed_ns_ = 0;
  std::optional<Removals> removals_;
};

}  // namespace

nlohmann::ordered_json fault_list(const std::vector<SealFault>& faults) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const SealFault& fault : faults)
    list.push_back({{"file", fault.where}, {"problem", fault.problem}});
  return list;
}

SealCheck check_seal(const SealCheckRequest& request) {
  SealCheck check;
  Checker(request, check).check();
  return check;
}

int print_seal_check(const SealCheck& check, bool as_json, std::ostream& out) {
  const int code = check.holds() ? 0 : exit_code(ErrorKind::incomplete);
  const Seal& seal = check.seal;
  if (as_json) {
    out << nlohmann::ordered_json{{"number", seal.number},
                                  {"date", seal.key.date.iso()},
                                  {"prod_id", seal.key.prod_id},
                                  {"holds", check.holds()},
                                  {"files", check.files},
                                  {"read", check.read},
                                  {"bytes", check.bytes},
                                  {"chain", check.chain},
                                  {"signed_with", check.signed_with},
                                  {"faults", fault_list(check.faults)},
                                  {"removed", fault_list(check.removed)},
                                  {"changed_inputs", fault_list(check.changed_inputs)}}
               .dump(2)
        << '\n';
    return code;
  }
  out << fmt::format("Seal {} of night {}, production {}, closed {} by {}: {}\n", seal.number,
                     seal.key.date.iso(), seal.key.prod_id, seal.closed_at.substr(0, 19),
                     seal.author, check.holds() ? "holds" : "does not hold");
  out << fmt::format(
      "  {} files compared, {} of them read ({} bytes), {} other seals of the chain\n", check.files,
      check.read, check.bytes, check.chain);
  out << (check.signed_with.empty() ? "  not signed\n" : "  key " + check.signed_with + "\n");
  for (const SealFault& fault : check.faults)
    out << fmt::format("  {}: {}\n", fault.where, fault.problem);
  for (const SealFault& removed : check.removed)
    out << fmt::format("note: {} was {}\n", removed.where, removed.problem);
  for (const SealFault& input : check.changed_inputs)
    out << fmt::format("note: {}, which was used, is not what it was: {}\n", input.where,
                       input.problem);
  return code;
}

}  // namespace alisio::night
