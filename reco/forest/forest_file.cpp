#include "reco/forest/forest_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"

namespace alisio::forest {
namespace {

constexpr std::string_view magic = "ALFOREST";
constexpr std::uint32_t format_version = 1;
constexpr std::size_t preamble_bytes = 64;
constexpr std::size_t alignment = 64;
constexpr const char* remedy = "make the file again with scripts/convert-models";

struct Preamble {
  char magic[8];
  std::uint32_t version, preamble_bytes;
  std::uint64_t header_bytes, file_bytes;
  unsigned char header_sha256[32];
};
static_assert(sizeof(Preamble) == preamble_bytes);

/// One row of the section "trees".
struct TreeRow {
  std::uint64_t first_node, first_leaf, depth, unused;
};
static_assert(sizeof(TreeRow) == 32);

struct Section {
  std::string model, name, sha256;
  std::span<const std::byte> bytes;
};

std::string hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string sha256(std::span<const std::byte> bytes) {
  Hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

/// A read-only map of a whole file.
class Mapping {
 public:
  explicit Mapping(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      throw Error(ErrorKind::missing_input,
                  fmt::format("the model file cannot be opened ({})", std::strerror(errno)),
                  path.string(),
                  "convert the models with scripts/convert-models, or correct the path");
    }
    struct stat status = {};
    if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(descriptor);
      throw Error(ErrorKind::bad_input, "the model file is not a regular file", path.string(),
                  remedy);
    }
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ > 0) {
      data_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor, 0);
    }
    const int error = errno;
    ::close(descriptor);
    if (data_ == MAP_FAILED) {
      data_ = nullptr;
      throw Error(ErrorKind::resource,
                  fmt::format("the model file cannot be mapped ({})", std::strerror(error)),
                  path.string());
    }
  }
  ~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {static_cast<const std::byte*>(data_), size_};
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// View a section as an array, if its size is that of `n` entries.
template <typename T>
std::span<const T> view(const Section& section, std::uint64_t n) {
  if (n > section.bytes.size() / sizeof(T) || n * sizeof(T) != section.bytes.size()) {
    throw std::runtime_error(
        fmt::format("section {}/{} has a wrong size", section.model, section.name));
  }
  return {reinterpret_cast<const T*>(section.bytes.data()), static_cast<std::size_t>(n)};
}

void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

}  // namespace

struct ForestFile::State {
  explicit State(const std::filesystem::path& file) : path(file), mapping(file) {}

  std::filesystem::path path;
  Mapping mapping;
  std::string header, content_sha256;
  std::vector<Section> sections;
  std::vector<Forest> forests;
  std::vector<TrainingPointing> pointings;
  TrainingProduction training;

  void read();
  void read_header(std::string_view text, std::span<const std::byte> payload);
  Forest read_model(const nlohmann::json& model, std::span<const std::byte> payload);
};

void ForestFile::State::read() {
  const auto bytes = mapping.bytes();
  Preamble preamble;
  if (bytes.size() < preamble_bytes) {
    throw Error(ErrorKind::bad_input, "not a forest file: it is too short", path.string(), remedy);
  }
  std::memcpy(&preamble, bytes.data(), preamble_bytes);
  if (std::string_view(preamble.magic, sizeof(preamble.magic)) != magic) {
    throw Error(ErrorKind::bad_input, "not a forest file: its first bytes are others",
                path.string(),
                "convert scikit-learn models (.sav) with scripts/convert-models first");
  }
  if (preamble.version != format_version || preamble.preamble_bytes != preamble_bytes) {
    throw Error(ErrorKind::bad_input,
                fmt::format("the forest file has format version {}, this program reads version {}",
                            preamble.version, format_version),
                path.string(), remedy);
  }
  if (preamble.file_bytes != bytes.size()) {
    throw Error(ErrorKind::bad_input,
                fmt::format("the forest file has {} bytes, its preamble says {}", bytes.size(),
                            preamble.file_bytes),
                path.string(), "copy the file again, or " + std::string(remedy));
  }
  if (preamble.header_bytes > bytes.size() - preamble_bytes ||
      preamble.header_bytes % alignment != 0) {
    throw Error(ErrorKind::bad_input, "the size of the header is damaged", path.string(), remedy);
  }
  const auto text = bytes.subspan(preamble_bytes, preamble.header_bytes);
  if (sha256(text) != hex(preamble.header_sha256)) {
    throw Error(ErrorKind::bad_input,
                "the header of the forest file is damaged: its checksum differs", path.string(),
                "copy the file again, or " + std::string(remedy));
  }
  try {
    read_header({reinterpret_cast<const char*>(text.data()), text.size()},
                bytes.subspan(preamble_bytes + preamble.header_bytes));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::bad_input,
                fmt::format("the header of the forest file is inconsistent: {}", error.what()),
                path.string(), remedy);
  }
}

void ForestFile::State::read_header(std::string_view text, std::span<const std::byte> payload) {
  header.assign(text.substr(0, text.find_last_not_of(' ') + 1));
  const auto json = nlohmann::json::parse(header);
  content_sha256 = json.at("content_sha256").get<std::string>();
  for (const auto& pointing : json.at("training_pointings_deg")) {
    pointings.push_back({pointing.at(0).get<double>(), pointing.at(1).get<double>()});
    require(
        std::isfinite(pointings.back().zenith_deg) && std::isfinite(pointings.back().azimuth_deg),
        "a training pointing is not finite");
  }
  const auto& production = json.at("training");
  training.directory = production.at("directory").get<std::string>();
  for (const auto& entry : production.at("references")) {
    training.references.push_back({entry.at("role").get<std::string>(),
                                   entry.at("path").get<std::string>(),
                                   entry.at("sha256").get<std::string>()});
  }
  for (const auto& model : json.at("models")) forests.push_back(read_model(model, payload));
}

Forest ForestFile::State::read_model(const nlohmann::json& model,
                                     std::span<const std::byte> payload) {
  const auto name = model.at("name").get<std::string>();
  const auto kind = model.at("kind").get<std::string>();
  require(kind == "regressor" || kind == "classifier", name + ": unknown kind " + kind);
  const auto features = model.at("features").get<std::vector<std::string>>();
  const auto classes = model.at("classes").get<std::vector<double>>();
  const auto n_outputs = model.at("n_outputs").get<std::uint64_t>();
  const auto n_trees = model.at("n_trees").get<std::uint64_t>();
  const auto n_nodes = model.at("n_nodes").get<std::uint64_t>();
  const auto n_leaves = model.at("n_leaves").get<std::uint64_t>();
  require(!features.empty() && features.size() <= max_features, name + ": number of features");
  require(n_outputs > 0 && n_outputs < 1000, name + ": number of outputs");
  require(kind == "regressor" || classes.size() == n_outputs, name + ": number of classes");
  require(n_trees > 0 && n_trees < payload.size() && n_leaves < payload.size(),
          name + ": number of trees or leaves");

  const auto section = [&](const char* section_name) -> Section {
    const auto& entry = model.at("sections").at(section_name);
    const auto offset = entry.at("offset").get<std::uint64_t>();
    const auto size = entry.at("bytes").get<std::uint64_t>();
    require(offset % alignment == 0 && offset <= payload.size() && size <= payload.size() - offset,
            name + ": section " + section_name + " lies outside the file");
    sections.push_back(
        {name, section_name, entry.at("sha256").get<std::string>(), payload.subspan(offset, size)});
    return sections.back();
  };
  // The table of trees is small and everything that bounds a walk is in it: it is verified now.
  const Section tree_section = section("trees");
  require(sha256(tree_section.bytes) == tree_section.sha256,
          name + ": the table of trees is damaged");
  const auto rows = view<TreeRow>(tree_section, n_trees + 1);
  const auto nodes = view<Node>(section("nodes"), n_nodes);
  const auto leaves = view<double>(section("leaves"), n_leaves * n_outputs);
  require(rows.front().first_node == 0 && rows.front().first_leaf == 0 &&
              rows.back().first_node == n_nodes && rows.back().first_leaf == n_leaves,
          name + ": the table of trees does not fit the sections");
  std::vector<Tree> trees;
  for (std::size_t i = 0; i < n_trees; ++i) {
    const TreeRow& row = rows[i];
    const TreeRow& next = rows[i + 1];
    constexpr std::uint64_t limit = std::uint64_t{1} << (32 - feature_bits);
    require(row.first_node < next.first_node && next.first_node <= n_nodes &&
                row.first_leaf < next.first_leaf && next.first_leaf <= n_leaves &&
                next.first_node - row.first_node < limit &&
                row.depth < next.first_node - row.first_node,
            name + fmt::format(": tree {} is outside its section", i));
    trees.push_back({nodes.data() + row.first_node, leaves.data() + row.first_leaf * n_outputs,
                     static_cast<std::uint32_t>(next.first_node - row.first_node),
                     static_cast<std::uint32_t>(next.first_leaf - row.first_leaf),
                     static_cast<std::uint32_t>(row.depth)});
  }
  return {name,      kind == "classifier" ? ForestKind::classifier : ForestKind::regressor,
          features,  classes,
          n_outputs, std::move(trees)};
}

ForestFile::ForestFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ForestFile::ForestFile(ForestFile&&) noexcept = default;
ForestFile& ForestFile::operator=(ForestFile&&) noexcept = default;
ForestFile::~ForestFile() = default;

ForestFile ForestFile::open(const std::filesystem::path& path) {
  auto state = std::make_unique<State>(path);
  state->read();
  return ForestFile(std::move(state));
}

void ForestFile::verify() const {
  for (const Section& section : state_->sections) {
    if (sha256(section.bytes) != section.sha256) {
      throw Error(ErrorKind::bad_input,
                  fmt::format("the {} of {} are damaged: their checksum differs", section.name,
                              section.model),
                  state_->path.string(), "copy the file again, or " + std::string(remedy));
    }
  }
}

const std::filesystem::path& ForestFile::path() const noexcept {
  return state_->path;
}
const std::string& ForestFile::content_sha256() const noexcept {
  return state_->content_sha256;
}
const std::string& ForestFile::header() const noexcept {
  return state_->header;
}
const std::vector<Forest>& ForestFile::forests() const noexcept {
  return state_->forests;
}

const Forest* ForestFile::find(const std::string& name) const noexcept {
  for (const Forest& forest : state_->forests) {
    if (forest.name() == name) return &forest;
  }
  return nullptr;
}

const Forest& ForestFile::at(const std::string& name) const {
  if (const Forest* forest = find(name)) return *forest;
  std::string names;
  for (const Forest& forest : state_->forests) names += (names.empty() ? "" : ", ") + forest.name();
  throw Error(ErrorKind::bad_input, fmt::format("the model set has no '{}', only {}", name, names),
              state_->path.string(), "convert a directory that holds " + name + ".sav");
}

const std::vector<TrainingPointing>& ForestFile::training_pointings() const noexcept {
  return state_->pointings;
}
const TrainingProduction& ForestFile::training() const noexcept {
  return state_->training;
}

}  // namespace alisio::forest
