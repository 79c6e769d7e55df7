#include "prov/definition.hpp"

#include <gtest/gtest.h>

#include "lib/base/error.hpp"
#include "test/unit/prov/example_run.hpp"

namespace alisio::prov {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// Load a changed copy of a shipped file and return the error's text.
template <typename T>
std::string refusal(const std::string& name, const std::string& from, const std::string& to) {
  ScratchFolder folder;
  const fs::path file = folder.path() / name;
  write_text(file, replaced(read_text_file(cfg_folder() / name), from, to));
  try {
    T::load(file);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::configuration);
    return e.what();
  }
  return "accepted";
}

const auto refused_definition = [](const std::string& from, const std::string& to) {
  return refusal<Definition>("definition.yaml", from, to);
};
const auto refused_logger = [](const std::string& from, const std::string& to) {
  return refusal<LoggerConfiguration>("logger.yaml", from, to);
};

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Definition, ShippedFileHasKnownNames) {
  const Definition d = shipped_definition();
  EXPECT_EQ(d.usage("r0_to_dl1", "r0_subrun").role, "Observation subrun");
  EXPECT_EQ(d.usage("r0_to_dl1", "r0_subrun").maximum, 4);
  EXPECT_EQ(d.usage("r0_to_dl1", "drs4_pedestal").role, "Pedestal file");
  EXPECT_EQ(d.usage("r0_to_dl1", "charge_calibration").role, "Coefficients calibration file");
  EXPECT_EQ(d.usage("r0_to_dl1", "time_calibration").minimum, 0);
  EXPECT_EQ(d.usage("r0_to_dl1", "pointing").role, "Pointing file");
  EXPECT_EQ(d.usage("r0_to_dl1", "run_summary").role, "Run summary");
  EXPECT_EQ(d.generation("r0_to_dl1", "dl1_subrun").role, "DL1 subrun dataset");
  EXPECT_EQ(d.generation("dl1_to_dl2", "dl2_subrun").entity_name, "DL2SubrunDataset");
  std::vector<std::string> names;
  for (const ParameterDefinition& p : d.activity("r0_to_dl1")->parameters) names.push_back(p.name);
  EXPECT_EQ(names, (std::vector<std::string>{"ObservationRun", "ObservationSubRun",
                                             "CalibrationRun", "PedestalRun", "ProdID"}));
  EXPECT_EQ(d.hash(), hash_file(cfg_folder() / "definition.yaml"));
}

TEST(Definition, RefusesWithPlaceAndSuggestion) {
  const std::string unknown_key =
      refused_definition("entityName: PedestalFile", "entityname: PedestalFile");
  EXPECT_SAYS(unknown_key, "definition.yaml:");
  EXPECT_SAYS(unknown_key, "did you mean 'entityName'?");
  const std::string unknown_entity =
      refused_definition("entityName: PedestalFile", "entityName: PedestalFil");
  EXPECT_SAYS(unknown_entity, "'PedestalFil'");
  EXPECT_SAYS(unknown_entity, "did you mean 'PedestalFile'?");
  EXPECT_SAYS(refused_definition("value: pointing_correction", "value: drs4_pedestal"),
              "port 'drs4_pedestal' is declared twice");
  EXPECT_SAYS(refused_definition("multiplicity: 1..4", "multiplicity: 4..1"), "allows nothing");
  EXPECT_SAYS(refused_definition("multiplicity: 1..4", "multiplicity: few"), "no multiplicity");
  EXPECT_SAYS(refused_definition("\"urn:alisio:id:\"", "\"id:\""), "no absolute IRI");
  EXPECT_SAYS(refused_definition("entities:\n", "entities: [\n"), "no valid YAML");
  EXPECT_SAYS(refused_definition("entities:\n", "---\nentities:\n"), "a second YAML document");
}

TEST(Definition, NamesThePortsItHas) {
  const Definition d = shipped_definition();
  try {
    static_cast<void>(d.usage("r0_to_dl1", "drs4_pedestals"));
    FAIL();
  } catch (const Error& e) {
    EXPECT_SAYS(std::string(e.what()), "did you mean 'drs4_pedestal'?");
  }
}

TEST(Logger, ShippedFileIsHonoured) {
  const LoggerConfiguration logger = shipped_logger();
  EXPECT_EQ(logger.prefix, "__PROV__");
  EXPECT_EQ(logger.hash_method, HashMethod::sha256);
  EXPECT_EQ(logger.hash_buffer, HashBuffer::content);
  EXPECT_EQ(logger.logger_name, "provLogger");
  EXPECT_EQ(logger.journal_name, "prov.log");
  EXPECT_TRUE(logger.capturing());
}

TEST(Logger, RefusesWithPlaceAndSuggestion) {
  EXPECT_SAYS(refused_logger("HASH_BUFFER", "HASH_BUFER"), "did you mean 'HASH_BUFFER'?");
  EXPECT_SAYS(refused_logger("HASH_METHOD: sha256", "HASH_METHOD: sha265"), "'sha256'");
  EXPECT_SAYS(refused_logger("handlers: [journal]", "handlers: [journals]"),
              "did you mean 'journal'?");
  EXPECT_SAYS(refused_logger("formatter: provenance", "formatter: prov"), "not defined");
  EXPECT_SAYS(refused_logger("%(levelname)s", "%(level)s"), "unknown field 'level'");
  EXPECT_SAYS(refused_logger("capture: true", "capture: perhaps"), "must be true or false");
  EXPECT_SAYS(refused_logger("logging.FileHandler", "logging.FileHandlr"), "logging.FileHandler");
  EXPECT_SAYS(refused_logger("logging.FileHandler", "logging.handlers.RotatingFileHandler"),
              "needs maxBytes");
  EXPECT_SAYS(refused_logger("    filename: prov.log", "    filename: prov.log\n    maxBytes: 5"),
              "only a rotating journal");
}

TEST(Logger, ALevelAboveInfoSwitchesCaptureOff) {
  ScratchFolder folder;
  write_text(folder.path() / "logger.yaml", replaced(read_text_file(cfg_folder() / "logger.yaml"),
                                                     "    level: INFO", "    level: WARNING"));
  EXPECT_FALSE(LoggerConfiguration::load(folder.path() / "logger.yaml").capturing());
}

}  // namespace
}  // namespace alisio::prov
