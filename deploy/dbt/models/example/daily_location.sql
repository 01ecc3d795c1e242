-- A row a UTC day and location: how good its sensors were, and how many of them were good.
select
    q.bucket,
    s.location,
    count(*) as sensors,
    count(*) filter (where q.verdict = 'good') as good_sensors,
    round(avg(q.score), 1) as mean_score,
    sum(q.valid) as valid_readings
from {{ source('gold', 'data_quality_daily') }} as q
inner join {{ source('silver', 'sensor') }} as s on s.sensor_id = q.sensor_id
where s.location is not null
group by q.bucket, s.location
