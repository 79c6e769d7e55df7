#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/hash.hpp"

namespace alisio::prov {

/// A parameter that an activity records.
struct ParameterDefinition {
  std::string name, description;
  std::string value;  ///< name of the stage's parameter
};

/// A file that an activity reads or writes.
struct FlowDefinition {
  std::string role, description;
  std::string entity_name;  ///< key of the definition's `entities`
  std::string value;        ///< name of the stage's port
  std::string type;         ///< Main, Calibration, Setup, Context, Quality, Preview or Log (IVOA)
  int minimum = 1;          ///< multiplicity
  int maximum = 1;          ///< multiplicity; -1: any number
  /// Entity name and role that stand for all subruns once a run is folded; empty if the file is
  /// shared by the subruns.
  std::string collection, collection_role;
};

/// A step of the pipeline.
struct ActivityDefinition {
  std::string name, description;
  std::vector<ParameterDefinition> parameters;
  std::vector<FlowDefinition> usage, generation;
};

/// A kind of thing that activities use and generate.
struct EntityDefinition {
  std::string name, description;
  std::string type;          ///< File or SetCollection
  std::string content_type;  ///< MIME type
  bool copy = false;         ///< copied beside the documents of the runs that used it
  std::string grain;         ///< subrun, run, night or any
  std::string level;         ///< R0, Calibration, DL1, DL2 …: its place in a graph
};

/// Someone or something responsible for activities.
struct AgentDefinition {
  std::string name, description;
  std::string type;  ///< prov:Person, prov:SoftwareAgent or prov:Organization
};

/// The model of provenance: which activities there are, what they take and make, under which names.
class Definition {
 public:
  /// Read a definition. @throws Error(configuration) naming file and line for unknown keys (with a
  /// suggestion), entities that are not defined, ports that are declared twice.
  static Definition load(const std::filesystem::path& file);

  /// Return nullptr if the definition has no such thing.
  [[nodiscard]] const ActivityDefinition* activity(std::string_view name) const;
  [[nodiscard]] const EntityDefinition* entity(std::string_view name) const;
  /// Return the flow of an activity through a port, either way. @throws Error(configuration) if the
  /// definition lacks it.
  [[nodiscard]] const FlowDefinition& usage(std::string_view activity, std::string_view port) const;
  [[nodiscard]] const FlowDefinition& generation(std::string_view activity,
                                                 std::string_view port) const;

  [[nodiscard]] const std::map<std::string, ActivityDefinition>& activities() const {
    return activities_;
  }
  [[nodiscard]] const std::map<std::string, EntityDefinition>& entities() const {
    return entities_;
  }
  [[nodiscard]] const std::map<std::string, AgentDefinition>& agents() const { return agents_; }
  /// IRIs of identifiers and of attribute names.
  [[nodiscard]] const std::string& identifier_namespace() const { return identifier_namespace_; }
  [[nodiscard]] const std::string& attribute_namespace() const { return attribute_namespace_; }
  /// Whom a product's reader can ask: `name`, `email`, `organization` and `site`, each maybe empty.
  [[nodiscard]] const std::map<std::string, std::string>& contact() const { return contact_; }
  [[nodiscard]] const std::string& version() const { return version_; }
  [[nodiscard]] const std::string& hash() const { return hash_; }  ///< SHA-256 of the file
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
  std::string version_, hash_, identifier_namespace_, attribute_namespace_;
  std::map<std::string, ActivityDefinition> activities_;
  std::map<std::string, EntityDefinition> entities_;
  std::map<std::string, AgentDefinition> agents_;
  std::map<std::string, std::string> contact_;
};

/// What a record's `hash` is a hash of. Identity and verification use the content always.
enum class HashBuffer { content, path };

/// What becomes of a journal while it is written: nothing (logging.FileHandler); it is begun anew
/// if someone moved it away (logging.handlers.WatchedFileHandler); it is put aside as
/// `<stem>.<n>.log` once it is full (logging.handlers.RotatingFileHandler). None is ever deleted.
enum class JournalHandling { plain, reopened, rotated };

/// How provenance is logged: file and form of the lines, what is hashed.
struct LoggerConfiguration {
  std::filesystem::path file;  ///< where this was read, may be empty
  std::string prefix = "__PROV__";
  HashMethod hash_method = HashMethod::sha256;
  HashBuffer hash_buffer = HashBuffer::content;
  bool capture = true;
  std::string logger_name = "provLogger";
  std::filesystem::path journal_name = "prov.log";  ///< the handler's file name
  JournalHandling handling = JournalHandling::plain;
  std::uint64_t maximum_bytes = 0;  ///< of a rotated journal
  /// Header of a line, with %(levelname)s, %(name)s, %(asctime)s and %(message)s.
  std::string format = "%(levelname)s %(name)s %(message)s";
  std::string level = "INFO";  ///< records are of level INFO: a higher level drops them

  /// Return whether records are written: capture is on and the level lets INFO pass.
  [[nodiscard]] bool capturing() const;

  /// Read a logger configuration of the shape that Python's logging.config takes, with the keys
  /// PREFIX, HASH_METHOD, HASH_BUFFER and capture besides. @throws Error(configuration) as
  /// Definition::load does.
  static LoggerConfiguration load(const std::filesystem::path& file);
};

}  // namespace alisio::prov
