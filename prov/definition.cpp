#include "prov/definition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <regex>
#include <set>
#include <span>

#include "lib/base/error.hpp"
#include "lib/base/suggest.hpp"
#include "lib/base/yaml_file.hpp"

namespace alisio::prov {
namespace {

namespace fs = std::filesystem;

/// Reads a YAML file and says where in it something is wrong.
class Reader {
 public:
  explicit Reader(fs::path file) : file_(std::move(file)), read_(read_yaml_file(file_)) {
    if (!root().IsMap())
      throw Error(ErrorKind::configuration, "a map of keys is expected", file_.string());
  }

  [[nodiscard]] const YAML::Node& root() const { return read_.root; }
  [[nodiscard]] const std::string& content() const { return read_.text; }

  [[noreturn]] void fail(const YAML::Node& node, const std::string& what,
                         const std::string& remedy = {}) const {
    throw Error(ErrorKind::configuration, what, place(node.Mark()), remedy);
  }

  /// Check that a map has known keys only, each once.
  void check_keys(const YAML::Node& map, const std::string& of,
                  const std::vector<std::string>& known) const {
    if (!map.IsMap()) fail(map, fmt::format("{} must be a map", of));
    std::set<std::string> seen;
    for (const auto& item : map) {
      const auto key = item.first.as<std::string>();
      if (!known.empty() && std::find(known.begin(), known.end(), key) == known.end())
        fail(item.first, fmt::format("unknown key '{}' in {}", key, of), suggestion(key, known));
      if (!seen.insert(key).second)
        fail(item.first, fmt::format("key '{}' stands twice in {}", key, of), "keep one");
    }
  }

  [[nodiscard]] std::string text(const YAML::Node& map, const std::string& key,
                                 const std::string& of, bool required = true) const {
    const YAML::Node value = map[key];
    if (!value || value.IsNull()) {
      if (required) fail(map, fmt::format("{} has no '{}'", of, key), "add it");
      return {};
    }
    if (!value.IsScalar()) fail(value, fmt::format("'{}' of {} must be a plain value", key, of));
    return value.as<std::string>();
  }

  [[nodiscard]] bool boolean(const YAML::Node& map, const std::string& key, bool fallback) const {
    const YAML::Node value = map[key];
    if (!value) return fallback;
    try {
      return value.as<bool>();
    } catch (const YAML::Exception&) {
      fail(value, fmt::format("'{}' must be true or false", key));
    }
  }

  /// Read a value that must be one of a few words.
  [[nodiscard]] std::string word(const YAML::Node& map, const std::string& key,
                                 const std::string& of, const std::vector<std::string>& known,
                                 const std::string& fallback) const {
    if (!map[key]) return fallback;
    const std::string value = text(map, key, of);
    if (std::find(known.begin(), known.end(), value) == known.end())
      fail(map[key], fmt::format("'{}' is no {} of {}", value, key, of), suggestion(value, known));
    return value;
  }

  [[nodiscard]] std::string place(const YAML::Mark& mark) const {
    return mark.is_null() ? file_.string() : fmt::format("{}:{}", file_.string(), mark.line + 1);
  }

 private:
  fs::path file_;
  YamlFile read_;
};

void read_multiplicity(const Reader& reader, const YAML::Node& item, const std::string& of,
                       FlowDefinition& flow) {
  const std::string text = reader.text(item, "multiplicity", of, false);
  if (text.empty()) return;
  std::smatch parts;
  static const std::regex form(R"((\d+)(?:\.\.(\d+|\*))?)");
  if (text == "?") {
    flow.minimum = 0, flow.maximum = 1;
  } else if (text == "*") {
    flow.minimum = 0, flow.maximum = -1;
  } else if (std::regex_match(text, parts, form) && parts[0].length() < 10) {
    flow.minimum = std::stoi(parts[1]);
    flow.maximum = !parts[2].matched ? flow.minimum : parts[2] == "*" ? -1 : std::stoi(parts[2]);
  } else {
    reader.fail(item["multiplicity"], fmt::format("'{}' is no multiplicity", text),
                "write 1, ?, *, n..m or n..*");
  }
  if (flow.maximum == 0 || (flow.maximum > 0 && flow.maximum < flow.minimum))
    reader.fail(item["multiplicity"], fmt::format("multiplicity '{}' allows nothing", text));
}

std::vector<FlowDefinition> read_flows(const Reader& reader, const YAML::Node& list,
                                       const std::string& of,
                                       const std::map<std::string, EntityDefinition>& entities) {
  std::vector<FlowDefinition> flows;
  if (!list) return flows;
  if (!list.IsSequence()) reader.fail(list, of + " must be a list");
  std::vector<std::string> known_entities;
  for (const auto& [name, entity] : entities) known_entities.push_back(name);
  const auto check_entity = [&](const YAML::Node& node, const std::string& name) {
    if (!entities.contains(name))
      reader.fail(node, fmt::format("entity '{}' of {} is not defined", name, of),
                  suggestion(name, known_entities));
  };
  std::set<std::string> ports;
  for (const YAML::Node& item : list) {
    reader.check_keys(
        item, of,
        {"role", "description", "entityName", "value", "type", "multiplicity", "collection"});
    FlowDefinition flow;
    flow.role = reader.text(item, "role", of);
    flow.description = reader.text(item, "description", of, false);
    flow.entity_name = reader.text(item, "entityName", of);
    check_entity(item["entityName"], flow.entity_name);
    flow.value = reader.text(item, "value", of);
    if (!ports.insert(flow.value).second)
      reader.fail(item["value"], fmt::format("port '{}' is declared twice in {}", flow.value, of),
                  "keep one");
    flow.type = reader.word(
        item, "type", of, {"Main", "Calibration", "Setup", "Context", "Quality", "Preview", "Log"},
        "Main");
    read_multiplicity(reader, item, of, flow);
    if (const YAML::Node collection = item["collection"]) {
      reader.check_keys(collection, of + ".collection", {"entityName", "role"});
      flow.collection = reader.text(collection, "entityName", of + ".collection");
      check_entity(collection["entityName"], flow.collection);
      flow.collection_role = reader.text(collection, "role", of + ".collection");
    }
    flows.push_back(std::move(flow));
  }
  return flows;
}

const FlowDefinition* find_flow(const std::vector<FlowDefinition>& flows, std::string_view port) {
  const auto at = std::find_if(flows.begin(), flows.end(),
                               [&](const FlowDefinition& flow) { return flow.value == port; });
  return at == flows.end() ? nullptr : &*at;
}

}  // namespace

Definition Definition::load(const fs::path& file) {
  const Reader reader(file);
  const YAML::Node& root = reader.root();
  reader.check_keys(root, "the provenance definition",
                    {"version", "namespaces", "contact", "agents", "activities", "entities"});
  Definition result;
  result.file_ = file;
  result.hash_ = hash_text(reader.content());
  result.version_ = reader.text(root, "version", "the provenance definition");
  result.identifier_namespace_ = "urn:alisio:id:";
  result.attribute_namespace_ = "urn:alisio:param:";
  if (const YAML::Node namespaces = root["namespaces"]) {
    reader.check_keys(namespaces, "namespaces", {"identifier", "attribute"});
    static const std::regex absolute(R"(([a-z][a-z0-9+.-]+://.+)|((urn|tag|ark|doi|ni|nih):.+))");
    for (auto [key, target] : {std::pair{"identifier", &result.identifier_namespace_},
                               std::pair{"attribute", &result.attribute_namespace_}}) {
      if (!namespaces[key]) continue;
      *target = reader.text(namespaces, key, "namespaces");
      if (!std::regex_match(*target, absolute))
        reader.fail(namespaces[key], fmt::format("'{}' is no absolute IRI", *target),
                    "write one such as https://example.org/id/ or urn:example:id:");
    }
  }
  const std::vector<std::string> contact_keys{"name", "email", "organization", "site"};
  if (root["contact"]) reader.check_keys(root["contact"], "contact", contact_keys);
  for (const std::string& key : contact_keys)
    result.contact_[key] =
        root["contact"] ? reader.text(root["contact"], key, "contact", false) : std::string();
  const YAML::Node entities = root["entities"], activities = root["activities"];
  if (!entities || !activities)
    throw Error(ErrorKind::configuration,
                fmt::format("the definition has no '{}'", entities ? "activities" : "entities"),
                file.string(), "add it");
  reader.check_keys(entities, "entities", {});
  for (const auto& item : entities) {
    EntityDefinition entity;
    entity.name = item.first.as<std::string>();
    const std::string of = "entities." + entity.name;
    reader.check_keys(item.second, of,
                      {"description", "type", "contentType", "copy", "grain", "level"});
    entity.description = reader.text(item.second, "description", of, false);
    entity.type = reader.word(item.second, "type", of,
                              {"File", "PythonObject", "FileCollection", "SetCollection"}, "File");
    entity.content_type = reader.text(item.second, "contentType", of, false);
    entity.copy = reader.word(item.second, "copy", of, {"always", "never"}, "never") == "always";
    entity.grain = reader.word(item.second, "grain", of, {"subrun", "run", "night", "any"}, "any");
    entity.level = reader.text(item.second, "level", of, false);
    result.entities_.emplace(entity.name, entity);
  }
  reader.check_keys(activities, "activities", {});
  for (const auto& item : activities) {
    ActivityDefinition activity;
    activity.name = item.first.as<std::string>();
    const std::string of = "activities." + activity.name;
    reader.check_keys(item.second, of, {"description", "parameters", "usage", "generation"});
    activity.description = reader.text(item.second, "description", of, false);
    if (const YAML::Node parameters = item.second["parameters"]; parameters) {
      if (!parameters.IsSequence()) reader.fail(parameters, of + ".parameters must be a list");
      for (const YAML::Node& entry : parameters) {
        reader.check_keys(entry, of + ".parameters", {"name", "description", "value"});
        ParameterDefinition parameter;
        parameter.name = reader.text(entry, "name", of + ".parameters");
        parameter.description = reader.text(entry, "description", of + ".parameters", false);
        parameter.value = reader.text(entry, "value", of + ".parameters");
        for (const ParameterDefinition& other : activity.parameters)
          if (other.name == parameter.name)
            reader.fail(entry,
                        fmt::format("parameter '{}' is declared twice in {}", other.name, of),
                        "keep one");
        activity.parameters.push_back(std::move(parameter));
      }
    }
    activity.usage = read_flows(reader, item.second["usage"], of + ".usage", result.entities_);
    activity.generation =
        read_flows(reader, item.second["generation"], of + ".generation", result.entities_);
    result.activities_.emplace(activity.name, std::move(activity));
  }
  if (const YAML::Node agents = root["agents"]) {
    reader.check_keys(agents, "agents", {"operator", "software", "site"});
    for (const auto& item : agents) {
      AgentDefinition agent;
      agent.name = item.first.as<std::string>();
      const std::string of = "agents." + agent.name;
      reader.check_keys(item.second, of, {"description", "type"});
      agent.description = reader.text(item.second, "description", of, false);
      agent.type =
          reader.word(item.second, "type", of,
                      {"prov:Person", "prov:SoftwareAgent", "prov:Organization"}, "prov:Person");
      result.agents_.emplace(agent.name, agent);
    }
  }
  return result;
}

const ActivityDefinition* Definition::activity(std::string_view name) const {
  const auto at = activities_.find(std::string(name));
  return at == activities_.end() ? nullptr : &at->second;
}

const EntityDefinition* Definition::entity(std::string_view name) const {
  const auto at = entities_.find(std::string(name));
  return at == entities_.end() ? nullptr : &at->second;
}

namespace {

const FlowDefinition& declared_flow(const Definition& definition, std::string_view activity,
                                    std::string_view port, bool usage) {
  const ActivityDefinition* found = definition.activity(activity);
  std::vector<std::string> known;
  if (found == nullptr) {
    for (const auto& [name, entry] : definition.activities()) known.push_back(name);
    throw Error(ErrorKind::configuration,
                fmt::format("the definition has no activity '{}'", activity),
                definition.file().string(), suggestion(activity, known));
  }
  const auto& flows = usage ? found->usage : found->generation;
  if (const FlowDefinition* flow = find_flow(flows, port)) return *flow;
  for (const FlowDefinition& flow : flows) known.push_back(flow.value);
  throw Error(ErrorKind::configuration,
              fmt::format("activities.{}.{} has no port '{}'", activity,
                          usage ? "usage" : "generation", port),
              definition.file().string(), suggestion(port, known));
}

}  // namespace

const FlowDefinition& Definition::usage(std::string_view activity, std::string_view port) const {
  return declared_flow(*this, activity, port, true);
}

const FlowDefinition& Definition::generation(std::string_view activity,
                                             std::string_view port) const {
  return declared_flow(*this, activity, port, false);
}

bool LoggerConfiguration::capturing() const {
  return capture && (level == "NOTSET" || level == "DEBUG" || level == "INFO");
}

LoggerConfiguration LoggerConfiguration::load(const fs::path& file) {
  const Reader reader(file);
  const YAML::Node& root = reader.root();
  const std::vector<std::string> levels{"NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
  reader.check_keys(root, "the logger configuration",
                    {"version", "PREFIX", "HASH_METHOD", "HASH_BUFFER", "capture", "formatters",
                     "handlers", "loggers", "disable_existing_loggers"});
  LoggerConfiguration result;
  result.file = file;
  if (root["PREFIX"]) result.prefix = reader.text(root, "PREFIX", "the logger configuration");
  if (result.prefix.size() < 3 || result.prefix.find_first_of("\\\"\r\n{}") != std::string::npos)
    reader.fail(root["PREFIX"], "PREFIX must have three characters or more, no quotes or braces",
                "write one such as __PROV__");
  result.hash_method = reader.word(root, "HASH_METHOD", "the logger configuration",
                                   {"sha256", "md5"}, "sha256") == "md5"
                           ? HashMethod::md5
                           : HashMethod::sha256;
  result.hash_buffer = reader.word(root, "HASH_BUFFER", "the logger configuration",
                                   {"content", "path"}, "content") == "path"
                           ? HashBuffer::path
                           : HashBuffer::content;
  result.capture = reader.boolean(root, "capture", true);
  std::map<std::string, std::string> formats;
  if (const YAML::Node formatters = root["formatters"]) {
    reader.check_keys(formatters, "formatters", {});
    for (const auto& item : formatters) {
      const auto name = item.first.as<std::string>();
      reader.check_keys(item.second, "formatters." + name, {"format", "datefmt", "class"});
      formats[name] = reader.text(item.second, "format", "formatters." + name);
      if (!formats[name].ends_with("%(message)s"))
        reader.fail(item.second["format"], "the format must end with %(message)s");
      static const std::regex field(R"(%\(([a-z]+)\)s)");
      const std::string& text = formats[name];
      for (std::sregex_iterator at(text.begin(), text.end(), field), end; at != end; ++at) {
        const std::vector<std::string> known{"levelname", "name", "message", "asctime", "process"};
        const std::string word = (*at)[1];
        if (std::find(known.begin(), known.end(), word) == known.end())
          reader.fail(item.second["format"], fmt::format("unknown field '{}'", word),
                      suggestion(word, known));
      }
    }
  }
  if (const YAML::Node loggers = root["loggers"]) {
    reader.check_keys(loggers, "loggers", {});
    if (loggers.size() != 1) reader.fail(loggers, "one logger is expected");
    const auto item = *loggers.begin();
    result.logger_name = item.first.as<std::string>();
    const std::string of = "loggers." + result.logger_name;
    reader.check_keys(item.second, of, {"level", "handlers", "propagate"});
    const std::string logger_level = reader.word(item.second, "level", of, levels, "INFO");
    const YAML::Node names = item.second["handlers"];
    const YAML::Node handlers = root["handlers"];
    if (!names || !names.IsSequence() || names.size() != 1 || !names[0].IsScalar())
      reader.fail(names ? names : item.second, of + ".handlers must be a list of one handler");
    const auto name = names[0].as<std::string>();
    std::vector<std::string> known;
    if (handlers && handlers.IsMap())
      for (const auto& handler : handlers) known.push_back(handler.first.as<std::string>());
    if (std::find(known.begin(), known.end(), name) == known.end())
      reader.fail(names[0], fmt::format("handler '{}' is not defined", name),
                  suggestion(name, known));
    const YAML::Node handler = handlers[name];
    reader.check_keys(
        handler, "handlers." + name,
        {"class", "level", "formatter", "filename", "mode", "encoding", "delay", "maxBytes"});
    const std::string plain = "logging.FileHandler",
                      watched = "logging.handlers.WatchedFileHandler",
                      rotating = "logging.handlers.RotatingFileHandler";
    const std::string kind =
        reader.word(handler, "class", "handlers." + name, {plain, watched, rotating}, plain);
    result.handling = kind == watched    ? JournalHandling::reopened
                      : kind == rotating ? JournalHandling::rotated
                                         : JournalHandling::plain;
    if (result.handling == JournalHandling::rotated) {
      const YAML::Node most = handler["maxBytes"];
      if (!most || !YAML::convert<std::uint64_t>::decode(most, result.maximum_bytes) ||
          result.maximum_bytes == 0)
        reader.fail(most ? most : handler, "a rotating journal needs maxBytes, at least 1");
    } else if (handler["maxBytes"]) {
      reader.fail(handler["maxBytes"], "only a rotating journal has maxBytes",
                  "make it a " + rotating);
    }
    const std::string handler_level =
        reader.word(handler, "level", "handlers." + name, levels, "INFO");
    const auto rank = [&](const std::string& level) {
      return std::find(levels.begin(), levels.end(), level) - levels.begin();
    };
    result.level = rank(handler_level) > rank(logger_level) ? handler_level : logger_level;
    result.journal_name = reader.text(handler, "filename", "handlers." + name);
    if (result.journal_name.filename().empty())
      reader.fail(handler["filename"], "the file name must not end with a slash");
    if (const std::string formatter = reader.text(handler, "formatter", "handlers", false);
        !formatter.empty()) {
      known.clear();
      for (const auto& [key, format] : formats) known.push_back(key);
      if (!formats.contains(formatter))
        reader.fail(handler["formatter"], fmt::format("formatter '{}' is not defined", formatter),
                    suggestion(formatter, known));
      result.format = formats[formatter];
    }
  } else if (root["handlers"]) {
    reader.fail(root["handlers"], "there are handlers but no 'loggers' that use them",
                "add loggers");
  }
  return result;
}

}  // namespace alisio::prov
