pub mod pages { pub fn routes(_: &mut actix_web::web::ServiceConfig) {} }
pub mod terms { pub struct Terms; impl Terms { pub fn load(_: Option<&std::path::Path>) -> Result<Self,String> { Ok(Self) } } }
