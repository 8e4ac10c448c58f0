"""The statements of an enrolment, in the order in which they run. None of them depends on the number of rows.

New ids are drawn beforehand, when a row is resolved: every later statement is then a plain INSERT ... SELECT that
needs neither RETURNING nor a join back by name.
"""

from __future__ import annotations

# The platform's foreign keys are checked at COMMIT otherwise, where a failure looks like an answer that got lost, where
# a dry run never comes, and where the rows have left the cache again (a tenth more CPU).
CHECK_AT_ONCE = "SET CONSTRAINTS ALL IMMEDIATE"
# Two imports of one academy would both find a student missing: no unique key names (tenant, name, parent_phone). The
# lock's own wait is bounded already, for a target list is worked off from left to right. Tables that grew since their
# last ANALYZE look small to the planner, and nested loops over them cost the square of a big roster.
LOCK = """
SELECT set_config('lock_timeout', %(lock_ms)s::text, true),
       set_config('statement_timeout', %(statement_ms)s::text, true),
       set_config('jit', 'off', true), set_config('enable_nestloop', %(nested_loops)s::text, true),
       pg_advisory_xact_lock(%(kind)s::int, (%(tenant)s::bigint %% 2147483647)::int)
"""
# The first session is made here when it is wanted and absent; a refusal that follows takes it back.
PLACE = """
WITH made AS (
    INSERT INTO lectures_session (created_at, updated_at, "order", title, date, lecture_id)
    SELECT now(), now(), 1, '1차시', l.start_date, l.id FROM lectures_lecture l
    WHERE l.id = %(lecture)s::bigint AND l.tenant_id = %(tenant)s AND %(session)s::bigint IS NULL
      AND NOT EXISTS (SELECT FROM lectures_session s WHERE s.lecture_id = l.id AND s."order" = 1)
    RETURNING id
)
SELECT t.id AS tenant_id, l.id AS lecture_id,
       CASE WHEN %(session)s::bigint IS NOT NULL THEN given.id
            ELSE coalesce((SELECT id FROM made), (SELECT min(s.id) FROM lectures_session s
                                                  WHERE s.lecture_id = l.id AND s."order" = 1)) END AS session_id,
       (SELECT count(*)::int FROM enrollment_enrollment e
        WHERE e.tenant_id = t.id AND e.lecture_id = l.id AND e.status = 'ACTIVE') AS class_size
FROM core_tenant t
LEFT JOIN lectures_lecture l ON l.tenant_id = t.id AND l.id = %(lecture)s::bigint
LEFT JOIN lectures_session given ON given.lecture_id = l.id AND given.id = %(session)s::bigint
WHERE t.id = %(tenant)s
"""
STAGE = """
CREATE TEMP TABLE staged (
    sheet int NOT NULL, line int NOT NULL, name text NOT NULL, parent_phone text NOT NULL, student_phone text,
    school text, grade smallint, school_type text, gender text, school_class text, major text, memo text,
    uses_identifier boolean NOT NULL
) ON COMMIT DROP
"""
COPY = "COPY staged FROM STDIN (FORMAT text, ENCODING 'UTF8')"
MEASURE = "ANALYZE staged (name, parent_phone, student_phone)"
# Who a row is (contract 5.5: active, else soft-deleted, else new), and what is there of it already. The first row of a
# student wins. COLLATE "C": sorting by bytes costs a tenth of sorting by a language's rules. The sequences are a table
# because a function in a target list is called for every row.
RESOLVE = """
CREATE TEMP TABLE roster ON COMMIT DROP AS
WITH sequences AS MATERIALIZED (
    SELECT pg_get_serial_sequence('students_student', 'id')::regclass AS students_student,
           pg_get_serial_sequence('accounts_user', 'id')::regclass AS accounts_user,
           pg_get_serial_sequence('enrollment_enrollment', 'id')::regclass AS enrollment_enrollment
), matched AS MATERIALIZED (
    SELECT DISTINCT ON (lower(f.name) COLLATE "C", f.parent_phone COLLATE "C")
           f.*, (f.sheet::bigint << 32) + f.line AS place, lower(f.name) AS folded,
           s.id AS known, s.user_id AS account, s.deleted_at IS NOT NULL AS gone
    FROM staged f
    LEFT JOIN students_student s
           ON s.tenant_id = %(tenant)s AND s.parent_phone = f.parent_phone AND lower(s.name) = lower(f.name)
    ORDER BY lower(f.name) COLLATE "C", f.parent_phone COLLATE "C", f.sheet, f.line, s.deleted_at DESC NULLS FIRST, s.id
), asking AS MATERIALIZED (
    SELECT student_phone AS phone, min(place) AS first FROM matched
    WHERE student_phone <> parent_phone AND (known IS NULL OR gone) GROUP BY student_phone
), used AS MATERIALIZED (
    SELECT phone, min(account) AS lowest, max(account) AS highest FROM (
        SELECT u.phone, u.id AS account FROM asking JOIN accounts_user u ON u.phone = asking.phone
        WHERE u.is_active
          AND (%(everywhere)s OR u.tenant_id = %(tenant)s OR EXISTS (
               SELECT FROM core_tenantmembership m
               WHERE m.user_id = u.id AND m.tenant_id = %(tenant)s AND m.is_active))
          AND NOT EXISTS (SELECT FROM students_student d WHERE d.user_id = u.id AND d.deleted_at IS NOT NULL)
        UNION ALL
        SELECT s.phone, s.user_id FROM asking JOIN students_student s ON s.phone = asking.phone
        WHERE s.tenant_id = %(tenant)s AND s.deleted_at IS NULL
        UNION ALL
        SELECT m.parent_phone, 0 FROM asking JOIN matched m ON m.parent_phone = asking.phone
    ) AS uses GROUP BY phone
), namesakes AS MATERIALIZED (
    SELECT lower(s.name) AS folded, array_agg(left(coalesce(s.high_school, s.middle_school, ''), 2)) AS schools
    FROM students_student s
    WHERE s.tenant_id = %(tenant)s AND s.deleted_at IS NULL AND NOT EXISTS (SELECT FROM matched WHERE known = s.id)
    GROUP BY 1
), judged AS (
    SELECT m.*, m.known IS NULL AS fresh,
           (m.student_phone <> m.parent_phone AND (m.known IS NULL OR m.gone)
            AND (a.first <> m.place OR u.lowest <> coalesce(m.account, -1) OR u.highest <> coalesce(m.account, -1)))
           IS TRUE AS phone_used,
           (m.known IS NULL AND (m.school IS NULL OR n.schools && ARRAY['', left(m.school, 2)])
            AND n.folded IS NOT NULL) AS namesake,
           e.id AS enrolled, e.status IS DISTINCT FROM 'ACTIVE' AS asleep,
           se.id IS NOT NULL AS in_session, att.id IS NOT NULL AS attended
    FROM matched m
    LEFT JOIN asking a ON a.phone = m.student_phone
    LEFT JOIN used u ON u.phone = m.student_phone
    LEFT JOIN namesakes n ON n.folded = m.folded
    LEFT JOIN enrollment_enrollment e
           ON e.tenant_id = %(tenant)s AND e.lecture_id = %(lecture)s::bigint AND e.student_id = m.known
    LEFT JOIN enrollment_sessionenrollment se
           ON se.tenant_id = %(tenant)s AND se.session_id = %(session)s::bigint AND se.enrollment_id = e.id
    LEFT JOIN attendance_attendance att
           ON att.tenant_id = %(tenant)s AND att.session_id = %(session)s::bigint AND att.enrollment_id = e.id
)
SELECT sheet, line, name, parent_phone, student_phone, left(school, 100) AS school, grade,
       coalesce(school_type, CASE WHEN school ~ '중(학교|등)?$' THEN 'MIDDLE' ELSE 'HIGH' END) AS school_type,
       gender, left(school_class, 100) AS school_class, left(major, 50) AS major, memo, uses_identifier,
       CASE WHEN NOT phone_used THEN student_phone END AS phone, phone_used, namesake,
       CASE WHEN fresh THEN 'created' WHEN gone THEN 'restored'
            WHEN %(lecture)s::bigint IS NOT NULL AND (asleep OR NOT in_session OR NOT attended) THEN 'updated'
            ELSE 'unchanged' END AS outcome,
       CASE WHEN fresh THEN nextval((SELECT students_student FROM sequences)) ELSE known END AS student_id,
       CASE WHEN fresh THEN nextval((SELECT accounts_user FROM sequences)) ELSE account END AS user_id,
       CASE WHEN fresh THEN count(*) FILTER (WHERE fresh) OVER (ROWS UNBOUNDED PRECEDING) END AS n,
       CASE WHEN enrolled IS NULL AND %(lecture)s::bigint IS NOT NULL
            THEN nextval((SELECT enrollment_enrollment FROM sequences)) ELSE enrolled END AS enrollment_id,
       enrolled IS NULL AS unenrolled, enrolled IS NOT NULL AND asleep AS asleep, in_session, attended
FROM judged
"""
COUNTS = """
SELECT count(*)::int AS rows,
       count(*) FILTER (WHERE outcome = 'created')::int AS created,
       count(*) FILTER (WHERE outcome = 'restored')::int AS restored,
       count(*) FILTER (WHERE outcome = 'updated')::int AS updated,
       count(*) FILTER (WHERE outcome = 'unchanged')::int AS unchanged,
       count(*) FILTER (WHERE unenrolled OR asleep)::int AS joining,
       count(*) FILTER (WHERE unenrolled)::int AS unenrolled,
       count(*) FILTER (WHERE asleep)::int AS asleep,
       count(*) FILTER (WHERE NOT in_session)::int AS out_of_session,
       count(*) FILTER (WHERE NOT attended)::int AS unattended,
       count(*) FILTER (WHERE namesake)::int AS namesakes
FROM roster
"""
# Free student numbers in a shuffled order that meets each of them once: enough even when nearly all are taken. The
# series is lazy, so only as many are looked at as are needed.
NUMBERS = """
CREATE TEMP TABLE number ON COMMIT DROP AS
SELECT row_number() OVER () AS n, code FROM (
    SELECT code FROM (
        SELECT chr(65 + (place / 100000)::int) || lpad((place %% 100000)::text, 5, '0') AS code FROM (
            SELECT (%(step)s::bigint * generate_series(0, %(space)s::int - 1) + %(start)s) %% %(space)s AS place
        ) AS places
    ) AS codes
    WHERE NOT EXISTS (SELECT FROM students_student s WHERE s.tenant_id = %(tenant)s AND s.ps_number = codes.code)
      AND NOT EXISTS (SELECT FROM accounts_user u WHERE u.username = %(prefix)s || codes.code)
    LIMIT %(created)s
) AS free
"""
# The parents of new students. A parent's account is known by its name (contract 5.5); one that another parent has by
# now (he changed his number, and somebody else got it) is left to him.
PARENTS = """
CREATE TEMP TABLE guardian ON COMMIT DROP AS
WITH sequences AS MATERIALIZED (
    SELECT pg_get_serial_sequence('accounts_user', 'id')::regclass AS accounts_user,
           pg_get_serial_sequence('parents_parent', 'id')::regclass AS parents_parent
)
SELECT kin.phone, kin.name, kin.sheet, kin.line, p.id IS NULL AS fresh, p.id IS NOT NULL AND p.user_id IS NULL AS bare,
       p.user_id IS NULL AND u.id IS NULL AS without_account, p.user_id IS NULL AND other.id IS NOT NULL AS taken,
       coalesce(p.id, nextval((SELECT parents_parent FROM sequences))) AS parent_id,
       CASE WHEN p.user_id IS NOT NULL THEN p.user_id WHEN other.id IS NOT NULL THEN NULL
            ELSE coalesce(u.id, nextval((SELECT accounts_user FROM sequences))) END AS user_id
FROM (SELECT DISTINCT ON (parent_phone COLLATE "C") parent_phone AS phone, name, sheet, line FROM roster
      WHERE outcome = 'created' ORDER BY parent_phone COLLATE "C", sheet, line) AS kin
LEFT JOIN parents_parent p ON p.tenant_id = %(tenant)s AND p.phone = kin.phone
LEFT JOIN accounts_user u ON u.username = 'p_' || %(tenant)s::bigint || '_' || kin.phone
LEFT JOIN parents_parent other ON other.user_id = u.id
"""
USERS = """
INSERT INTO accounts_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
                           date_joined, name, phone, tenant_id)
SELECT user_id, %(password)s, false, 'p_' || %(tenant)s::bigint || '_' || phone, '', '', '', false, true, now(),
       left(name, 46) || ' 학부모', phone, NULL
FROM guardian WHERE without_account
UNION ALL
SELECT user_id, %(password)s, false, %(prefix)s || code, '', '', '', false, true, now(), name, coalesce(phone, ''),
       %(account_tenant)s::bigint
FROM roster JOIN number USING (n)
"""
NEW_PARENTS = """
INSERT INTO parents_parent AS p (id, created_at, updated_at, name, phone, tenant_id, user_id)
SELECT parent_id, now(), now(), left(name, 46) || ' 학부모', phone, %(tenant)s, user_id
FROM guardian WHERE fresh OR bare
ON CONFLICT (tenant_id, phone) DO UPDATE SET user_id = excluded.user_id, updated_at = now()
WHERE p.user_id IS NULL AND excluded.user_id IS NOT NULL
"""
# A membership of another role (a teacher whose child comes) is never woken by a roster.
MEMBERS = """
INSERT INTO core_tenantmembership AS m (role, is_active, joined_at, tenant_id, user_id)
SELECT 'parent', true, now(), %(tenant)s, user_id FROM guardian WHERE user_id IS NOT NULL
UNION ALL
SELECT 'student', true, now(), %(tenant)s, user_id FROM roster WHERE outcome IN ('created', 'restored')
ON CONFLICT (user_id, tenant_id) DO UPDATE SET is_active = true WHERE NOT m.is_active AND m.role = excluded.role
"""
STUDENTS = """
INSERT INTO students_student (id, created_at, updated_at, ps_number, omr_code, name, gender, grade, school_type, phone,
                              parent_phone, uses_identifier, high_school, high_school_class, major, middle_school,
                              memo, is_managed, profile_photo, parent_id, tenant_id, user_id)
SELECT r.student_id, now(), now(), number.code, right(coalesce(r.phone, r.parent_phone), 8), r.name, r.gender, r.grade,
       r.school_type, r.phone, r.parent_phone, r.uses_identifier OR r.phone IS NULL,
       CASE WHEN r.school_type = 'HIGH' THEN r.school END, CASE WHEN r.school_type = 'HIGH' THEN r.school_class END,
       CASE WHEN r.school_type = 'HIGH' THEN r.major END, CASE WHEN r.school_type = 'MIDDLE' THEN r.school END,
       r.memo, true, '', g.parent_id, %(tenant)s, r.user_id
FROM roster r JOIN number USING (n) JOIN guardian g ON g.phone = r.parent_phone
"""
RESTORE = """
UPDATE students_student s SET
    deleted_at = NULL, updated_at = now(), phone = coalesce(r.phone, s.phone),
    uses_identifier = CASE WHEN r.phone IS NULL THEN s.uses_identifier ELSE r.uses_identifier END,
    school_type = r.type,
    high_school = CASE WHEN r.school IS NULL THEN s.high_school WHEN r.type = 'HIGH' THEN r.school END,
    middle_school = CASE WHEN r.school IS NULL THEN s.middle_school WHEN r.type = 'MIDDLE' THEN r.school END,
    high_school_class = CASE WHEN r.type = 'HIGH' THEN coalesce(r.school_class, s.high_school_class) END,
    major = CASE WHEN r.type = 'HIGH' THEN coalesce(r.major, s.major) END,
    grade = coalesce(r.grade, s.grade), memo = coalesce(r.memo, s.memo), gender = coalesce(r.gender, s.gender)
FROM (SELECT roster.*, CASE WHEN roster.school IS NULL THEN old.school_type ELSE roster.school_type END AS type
      FROM roster JOIN students_student old ON old.id = roster.student_id WHERE outcome = 'restored') AS r
WHERE s.id = r.student_id
"""
ENROLMENTS = """
INSERT INTO enrollment_enrollment AS e (id, created_at, updated_at, status, enrolled_at, lecture_id, student_id,
                                        tenant_id)
SELECT enrollment_id, now(), now(), 'ACTIVE', now(), %(lecture)s, student_id, %(tenant)s
FROM roster WHERE unenrolled OR asleep
ON CONFLICT (tenant_id, student_id, lecture_id) DO UPDATE SET status = 'ACTIVE', updated_at = now()
WHERE e.status <> 'ACTIVE'
"""
SESSIONS = """
INSERT INTO enrollment_sessionenrollment (created_at, enrollment_id, session_id, tenant_id)
SELECT now(), enrollment_id, %(session)s, %(tenant)s FROM roster WHERE NOT in_session
"""
ATTENDANCE = """
INSERT INTO attendance_attendance (status, memo, recorded_at, enrollment_id, session_id, tenant_id)
SELECT 'PRESENT', '', now(), enrollment_id, %(session)s, %(tenant)s FROM roster WHERE NOT attended
"""
NOTES = """
SELECT sheet, line, code, value, count(*) OVER ()::int AS total FROM (
    SELECT sheet, line, 'student-phone-in-use' AS code, student_phone AS value FROM roster WHERE phone_used
    UNION ALL SELECT sheet, line, 'same-name-other-phone', parent_phone FROM roster WHERE namesake
    UNION ALL SELECT sheet, line, 'parent-account-taken', phone FROM guardian WHERE taken
    UNION ALL SELECT g.sheet, g.line, 'parent-account-inactive', g.phone
              FROM guardian g JOIN accounts_user u ON u.id = g.user_id WHERE NOT u.is_active
    UNION ALL SELECT r.sheet, r.line, 'student-account-inactive', r.parent_phone
              FROM roster r JOIN accounts_user u ON u.id = r.user_id WHERE r.outcome = 'restored' AND NOT u.is_active
) AS notes ORDER BY sheet, line, code LIMIT %(listed)s
"""
REPEATED = """
SELECT f.sheet, f.line, r.sheet AS first_sheet, r.line AS first_line
FROM staged f JOIN roster r ON lower(r.name) = lower(f.name) AND r.parent_phone = f.parent_phone
WHERE (r.sheet, r.line) <> (f.sheet, f.line) ORDER BY f.sheet, f.line LIMIT %(listed)s
"""
REMEMBERED = """
SELECT jsonb_path_query_array(r.payload, '$.sheets[*].headers') AS headers
FROM (SELECT id FROM ai_job
      WHERE id > (SELECT coalesce(max(id), 0) FROM ai_job) - %(window)s AND tenant_id = %(tenant)s::text
        AND job_type = 'excel_parsing' AND status = 'DONE'
      ORDER BY id DESC LIMIT %(jobs)s) AS j
JOIN ai_result r ON r.job_id = j.id ORDER BY j.id DESC
"""
