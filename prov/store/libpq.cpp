#ifdef ALISIO_HAS_LIBPQ

#include "prov/store/libpq.hpp"

#include "lib/base/shared_library.hpp"

namespace alisio::prov {
namespace {

Libpq load() {
  const SharedLibrary library(
      "libpq.so.5", "PostgreSQL's client library",
      "install it in version 14 or later (package libpq5), or keep the index in a file");
  Libpq pq;
  library.find("PQclear", pq.PQclear);
  library.find("PQcmdStatus", pq.PQcmdStatus);
  library.find("PQconnectdb", pq.PQconnectdb);
  library.find("PQenterPipelineMode", pq.PQenterPipelineMode);
  library.find("PQerrorMessage", pq.PQerrorMessage);
  library.find("PQexec", pq.PQexec);
  library.find("PQexecPrepared", pq.PQexecPrepared);
  library.find("PQexitPipelineMode", pq.PQexitPipelineMode);
  library.find("PQfinish", pq.PQfinish);
  library.find("PQgetResult", pq.PQgetResult);
  library.find("PQgetisnull", pq.PQgetisnull);
  library.find("PQgetvalue", pq.PQgetvalue);
  library.find("PQntuples", pq.PQntuples);
  library.find("PQpipelineSync", pq.PQpipelineSync);
  library.find("PQprepare", pq.PQprepare);
  library.find("PQresultErrorMessage", pq.PQresultErrorMessage);
  library.find("PQresultStatus", pq.PQresultStatus);
  library.find("PQsendQueryPrepared", pq.PQsendQueryPrepared);
  library.find("PQsetNoticeProcessor", pq.PQsetNoticeProcessor);
  library.find("PQstatus", pq.PQstatus);
  return pq;
}

}  // namespace

const Libpq& libpq() {
  static const Libpq functions = load();
  return functions;
}

}  // namespace alisio::prov

#endif
