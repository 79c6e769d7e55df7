#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace alisio::prov {

/// Walk through the members of a JSON object in the order of the text, in time that grows with its
/// length only: an object of the JSON library that keeps the order compares each key with all
/// before. Both views are valid during the call; the key is decoded.
/// @param text valid JSON. @returns false if it is no object.
bool for_each_member(
    std::string_view text,
    const std::function<void(const std::string& key, std::string_view value)>& visit);

/// Return the members of an element of a document. @throws Error(bad_input) if there are more than
/// ten thousand of them.
[[nodiscard]] nlohmann::ordered_json element_of(std::string_view text);

/// Return whether a JSON text is nested deeper than any record is. The JSON library writes and
/// compares by recursion: what is nested ten thousand deep would end the program.
[[nodiscard]] bool nested_too_deep(std::string_view text);

}  // namespace alisio::prov
