#include "prov/definition.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "lib/stage/description.hpp"

namespace alisio::stage {
namespace {

const prov::Definition& shipped() {
  static const prov::Definition definition =
      prov::Definition::load(ALISIO_SOURCE_DIR "/cfg/provenance/definition.yaml");
  return definition;
}

void expect_same_ports(const std::string& stage, const std::vector<PortDescription>& ports,
                       const std::vector<prov::FlowDefinition>& flows) {
  std::set<std::string> named;
  for (const prov::FlowDefinition& flow : flows) named.insert(flow.value);
  for (const PortDescription& port : ports) {
    EXPECT_EQ(named.erase(port.name), 1) << stage << ": port " << port.name << " is not defined";
    for (const prov::FlowDefinition& flow : flows) {
      if (flow.value != port.name) continue;
      EXPECT_EQ(flow.minimum > 0, port.required) << stage << ' ' << port.name;
      EXPECT_EQ(flow.maximum != 1, port.many) << stage << ' ' << port.name;
    }
  }
  for (const std::string& name : named) ADD_FAILURE() << stage << " has no port " << name;
}

TEST(ProvenanceDefinition, NamesTheStagesAsTheyAreDescribed) {
  std::set<std::string> defined;
  for (const auto& [name, activity] : shipped().activities()) defined.insert(name);
  for (const StageDescription& stage : descriptions()) {
    SCOPED_TRACE(stage.name);
    ASSERT_EQ(defined.erase(stage.name), 1) << "the definition lacks this activity";
    const prov::ActivityDefinition& activity = *shipped().activity(stage.name);
    expect_same_ports(stage.name, stage.inputs, activity.usage);
    expect_same_ports(stage.name, stage.outputs, activity.generation);
    std::set<std::string> parameters;
    for (const prov::ParameterDefinition& one : activity.parameters) parameters.insert(one.value);
    EXPECT_EQ(parameters, std::set<std::string>(stage.parameters.begin(), stage.parameters.end()));
  }
  for (const std::string& name : defined) ADD_FAILURE() << "no stage is called " << name;
}

TEST(ProvenanceDefinition, CallsAFileTheSameWhereItIsMadeAndUsed) {
  // A port's name says what comes through it, so both ends must name one entity.
  std::map<std::string, std::set<std::string>> entities;
  for (const auto& [name, activity] : shipped().activities())
    for (const auto* flows : {&activity.usage, &activity.generation})
      for (const prov::FlowDefinition& flow : *flows)
        entities[flow.value].insert(flow.entity_name + ' ' + flow.collection);
  for (const auto& [port, names] : entities) EXPECT_EQ(names.size(), 1) << port;
}

}  // namespace
}  // namespace alisio::stage
