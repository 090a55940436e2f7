// Contract checks: what templates read is held against what services declare to answer, and what they make against what the route
// itself declares (`schema:`, an OpenAPI document). At load, after the snapshot is built and good; nothing of it lives on.
//
// Decided: a name that the declared answer does not have is a warning, for most schemas leave objects open; where the schema closes
// the object, or declares another type, it can never be there, and that is an error. A field that the route's own answer requires
// and no template makes is an error; one that may be left out, because the service need not send what it is made of, a warning.
// Where nothing is declared (no such type, a path that ends in `**`) nothing is judged.
#pragma once

#include "config/fault.h"
#include "gateway/snapshot.h"

namespace portico::gateway {

void check_contracts(const Snapshot& snapshot, config::FaultList& faults);

}  // namespace portico::gateway
