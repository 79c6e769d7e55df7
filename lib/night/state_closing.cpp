// What the state knows of the closings of nights.
#include "lib/base/error.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {
namespace {

constexpr const char* select_closings =
    "SELECT telescope, date, prod_id, author, reason, forced, started_at, step, closed_at, "
    "seal_number, seal, seal_sha256, reopened_at, reopened_by, reopen_reason FROM closing ";
constexpr const char* of_standing =
    "WHERE telescope = ? AND date = ? AND prod_id = ? AND reopened_at = ''";

ClosingRecord read_closing(const sqlite::Statement& row) {
  ClosingRecord closing;
  closing.key = {static_cast<int>(row.integer(0)), NightDate::parse(row.text(1)), row.text(2)};
  closing.author = row.text(3);
  closing.reason = row.text(4);
  closing.forced = row.integer(5) != 0;
  closing.started_at = row.text(6);
  closing.step = row.text(7);
  closing.closed_at = row.text(8);
  closing.seal_number = row.integer(9);
  closing.seal = row.text(10);
  closing.seal_sha256 = row.text(11);
  closing.reopened_at = row.text(12);
  closing.reopened_by = row.text(13);
  closing.reopen_reason = row.text(14);
  return closing;
}

}  // namespace

std::vector<ClosingRecord> State::closings(const NightKey& night) {
  std::vector<ClosingRecord> closings;
  if (!database_.has_table("closing")) return closings;
  sqlite::Statement query =
      database_.prepare(std::string(select_closings) +
                        "WHERE telescope = ? AND date = ? AND prod_id = ? ORDER BY id");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  while (query.step()) closings.push_back(read_closing(query));
  return closings;
}

std::optional<ClosingRecord> State::closing(const NightKey& night) {
  if (!database_.has_table("closing")) return std::nullopt;
  sqlite::Statement query = database_.prepare(std::string(select_closings) + of_standing);
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  return query.step() ? std::optional(read_closing(query)) : std::nullopt;
}

std::optional<ClosingRecord> State::last_sealed(int telescope, const std::string& prod_id) {
  if (!database_.has_table("closing")) return std::nullopt;
  sqlite::Statement query = database_.prepare(
      std::string(select_closings) +
      "WHERE telescope = ? AND prod_id = ? AND seal_number > 0 ORDER BY seal_number DESC LIMIT 1");
  query.bind(telescope, prod_id);
  return query.step() ? std::optional(read_closing(query)) : std::nullopt;
}

void State::closing_starts(const ClosingRecord& closing) {
  database_
      .prepare(
          "INSERT INTO closing (telescope, date, prod_id, author, reason, forced, started_at, "
          "step) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(closing.key.telescope, closing.key.date.compact(), closing.key.prod_id, closing.author,
            closing.reason, closing.forced, closing.started_at, closing.step)
      .run();
}

void State::closing_reaches(const NightKey& night, const std::string& step) {
  database_.prepare(std::string("UPDATE closing SET step = ? ") + of_standing)
      .bind(step, night.telescope, night.date.compact(), night.prod_id)
      .run();
}

void State::closing_is_sealed(const NightKey& night, std::int64_t number, const std::string& seal,
                              const std::string& sha256) {
  sqlite::Transaction transaction(database_);
  // A closing that was sealed, went on no further and is sealed anew: both seals are on record.
  if (const std::optional<ClosingRecord> before = closing(night);
      before && before->seal_number != 0 && before->seal_number != number) {
    reopen(night, before->author, "sealed again");
    closing_starts(*before);
  }
  database_
      .prepare(std::string("UPDATE closing SET step = 'sealed', seal_number = ?, seal = ?, "
                           "seal_sha256 = ? ") +
               of_standing)
      .bind(number, seal, sha256, night.telescope, night.date.compact(), night.prod_id)
      .run();
  transaction.commit();
}

void State::closing_ends(const NightKey& night) {
  database_.prepare(std::string("UPDATE closing SET step = 'closed', closed_at = ? ") + of_standing)
      .bind(utc_now_text(), night.telescope, night.date.compact(), night.prod_id)
      .run();
}

void State::reopen(const NightKey& night, const std::string& author, const std::string& reason) {
  database_
      .prepare(std::string("UPDATE closing SET reopened_at = ?, reopened_by = ?, "
                           "reopen_reason = ? ") +
               of_standing)
      .bind(utc_now_text(), author, reason, night.telescope, night.date.compact(), night.prod_id)
      .run();
}

}  // namespace alisio::night
