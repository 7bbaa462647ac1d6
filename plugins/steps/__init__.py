"""Operations that degradations are chained from."""
